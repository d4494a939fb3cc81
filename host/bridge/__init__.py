"""Between the script's thread and the loop's thread."""
