"""What the simulator does for APIs that a program adds: it meets their documents, whatever their style."""
