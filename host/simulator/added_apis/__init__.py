"""The simulator of added APIs: it follows their documents, whatever their style."""
