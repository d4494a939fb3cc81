"""May this call go, and what does it cost: permissions, network grants, budgets, redaction. Pure."""
