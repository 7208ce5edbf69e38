"""Balancing: how the losses of several tasks become one gradient. One file per rule; `BALANCING` maps names to them."""

from smalti.training.balance.balance import Backward, Balance, Losses
from smalti.training.balance.settings import BALANCING, BalanceSettings

__all__ = ["BALANCING", "Backward", "Balance", "BalanceSettings", "Losses"]
