"""The libraries a script may be granted: ``http``, ``graphql``, ``sql``, ``fs``."""
