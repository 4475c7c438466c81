"""Software: what the offline rules do in the roles of a product team, for requirements they know.

A requirement is read into a product by rules: its kind, features, fields and rules come from its
words. Designs, code, tests and documents are made from the product, and from nothing else.
"""

from __future__ import annotations

from infrastructure.models.offline.software.roles import ROLE_WORK, ROLES

__all__ = ["ROLES", "ROLE_WORK"]
