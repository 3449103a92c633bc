"""The window of Everycore: everything that knows Qt lives below here."""
