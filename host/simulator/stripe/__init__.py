"""What Stripe does beyond keeping objects: payments, billing, checkout."""
