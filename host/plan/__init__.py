"""What a script would change, found without changing anything; and a run that makes those changes and no others."""
