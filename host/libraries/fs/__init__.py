"""``fs``: files inside granted folders."""
