"""What the functions share: arguments, progress, the language of errors."""
