"""What the window shows, held once: Qt models and pure values; they know no view."""
