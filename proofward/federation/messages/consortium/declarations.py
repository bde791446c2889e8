"""What a consortium declares about itself: who its members are in law, and what the federation is for.

Declarations are words. They are part of the rules, so the fingerprint covers them and nobody can change them
later; that they are true, nobody proves. Every one of them may be absent, and a report then says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.field_types import Lines, Name, TextLine
from proofward.lattice.parameters import MAX_MEMBERS


@dataclass(frozen=True)
class LegalMember:
    """Who a member is in law: legal name, how to reach it, and the person responsible there."""

    member: Name
    legal_name: TextLine = ""
    contact: TextLine = ""
    responsible: TextLine = ""


@dataclass(frozen=True)
class Declarations:
    """Texts of the consortium, in lines, and members in ascending order."""

    kind: ClassVar[str] = "declarations"
    purpose: Lines = ()
    intended_use: Lines = ()
    legal_basis: Lines = ()
    inclusion_criteria: Lines = ()
    retention: Lines = ()
    members: Annotated[tuple[LegalMember, ...], Length(0, MAX_MEMBERS)] = ()

    def of(self, member: str) -> LegalMember:
        """What is declared of a member: nothing, if it is not named."""
        return next((found for found in self.members if found.member == member), LegalMember(member))


NOTHING_DECLARED = Declarations()
MAX_DECLARATIONS = 1 << 18
"""Bytes of their encoding."""
