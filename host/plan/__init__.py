"""Plans: finds what a script would change without changing it, and makes exactly those changes afterwards."""
