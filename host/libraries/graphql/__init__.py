"""``graphql``: queries to a configured or named endpoint."""
