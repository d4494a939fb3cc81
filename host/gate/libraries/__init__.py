"""What scripts can name beside APIs and functions: ``http``, ``graphql``, ``sql``, ``fs``, and a program's
own."""
