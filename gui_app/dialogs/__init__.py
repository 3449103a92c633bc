"""One dialog per file; app.py opens them, none blocks."""
