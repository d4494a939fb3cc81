"""Webhooks: incoming events are recorded, and each is handled once by a durable run."""
