"""Stripe's test cards and the payment methods made of them: the names that other subjects use."""

from host.simulator.stripe.card_facts import card_error, card_of
from host.simulator.stripe.payment_methods import payment_method
from host.simulator.stripe.sandbox_cards import CARDS, Card

__all__ = ["CARDS", "Card", "card_error", "card_of", "payment_method"]
