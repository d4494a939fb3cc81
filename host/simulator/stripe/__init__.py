"""The behaviour of Stripe's API beyond storing objects: payments, billing, checkout and the rest."""
