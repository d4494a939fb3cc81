"""Decides whether a call is allowed and what it costs: permissions, network grants, budgets, redaction. No I/O."""
