"""One widget per file: values come down by `apply`, gestures go up as signals."""
