"""Events from outside: received, recorded, and each handled once by a durable run."""
