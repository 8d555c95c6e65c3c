"""The plan as it was: the formulas that were valid at a moment, compiled for a part of the plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lineshaft.assets import Asset, Input, ModelVersion, Property, Span
from lineshaft.compute.books import FormulaVersion
from lineshaft.compute.channels import History
from lineshaft.compute.plan import Plan, Register, make
from lineshaft.compute.window import Calendar


class Then:
    """The register as it was at a moment, for some machines: their formulas in the versions given."""

    def __init__(self, register: Register, machines: frozenset[str], versions: Mapping[str, FormulaVersion], at: int) -> None:
        self._register, self._versions, self._at = register, versions, at
        self._tree = [one for one in register.tree() if one.id in machines or one.parent_id in machines]

    def tree(self) -> list[Asset]:
        """Return the machines, and their children (whose values may be pooled)."""
        return self._tree

    def properties(self, asset: Asset | str | None = None) -> tuple[Property, ...]:
        """Return properties with the formulas of that time."""
        return tuple(self._then(one) for one in self._register.properties(asset))

    def _then(self, one: Property) -> Property:
        version = self._versions.get(one.id)
        if version is None:
            return one
        inputs = {name: Input.model_validate(wanted) for name, wanted in version.inputs.items()}
        return replace(one, formula=version.formula, inputs=inputs, model_version=version.model_version)

    def spans(self, property_id: str) -> list[Span]:
        """Return where a property's values come from."""
        return self._register.spans(property_id)

    def attribute(self, path: str, at: int | None = None) -> Any:
        """Return an attribute's value at that time."""
        return self._register.attribute(path, self._at if at is None else at)

    def model(self, name: str, at: int | None = None) -> ModelVersion:
        """Return the valid version of a model."""
        return self._register.model(name, at)


def plan_of(
    register: Register,
    store: History,
    machines: frozenset[str],
    versions: Mapping[str, FormulaVersion],
    at: int,
    calendar: Callable[[str], Calendar] | None = None,
) -> Plan:
    """Return the plan of some machines with formulas in the versions given and attributes as of a moment."""
    plan = make(Then(register, machines, versions, at), calendar)
    plan.channels.settle(store, [register.spans(one.id) for one in plan.channels.properties])
    return plan


def valid_at(versions: list[FormulaVersion], at: int) -> FormulaVersion | None:
    """Return the version of a formula that was valid at a moment; before the first one, the first."""
    earlier = [one for one in versions if one.valid_from <= at]
    return (earlier or versions[:1] or [None])[-1]
