"""One motion about named things, what it changes, and the trail that past ones leave."""

from dataclasses import dataclass, field, replace

from agent.types import Goal
from dialogue.finding import in_region
from dialogue.plan import At, Beside, Named
from dialogue.view import Item, SceneView

XY = tuple[float, float]


@dataclass(frozen=True)
class Deed:
    """One motion that a policy can be asked for.

    verb: pick, put, push, open, close or point.  goal: what must be true afterwards; None for point.  spot: x, y where
    the thing (for point, open and close: the hand) ends up [m].  already: it is so; nothing needs to move.
    """

    verb: str
    item: str
    goal: Goal | None
    spot: XY
    line: int
    already: bool = False

    @property
    def target(self) -> str | None:
        return self.goal.target if self.goal else None

    def __str__(self) -> str:
        if self.goal is None:
            return f"point at the {self.item}"
        relation, target = self.goal.relation, self.goal.target
        match relation:
            case "lift" | "open" | "close":
                return f"{self.verb} the {self.item}"
            case "push":
                return f"push the {self.item} {target}"
            case "move to":
                return f"put the {self.item} at the {target}"
            case "take out":
                return f"take the {self.item} out of the {target}"
        return f"put the {self.item} {'on' if relation == 'stack' else relation} the {target}"


@dataclass
class Trail:
    """Where things were put, for `there` and `return`; a walk changes it as it goes."""

    last: Beside | At | None = None
    before: dict[str, Beside | At] = field(default_factory=dict)

    def copy(self) -> "Trail":
        return Trail(self.last, dict(self.before))

    def record(self, deed: Deed, view: SceneView) -> None:
        """Remember `deed`, which was done in `view`."""
        if deed.verb not in ("pick", "put", "push"):
            return
        item = view[deed.item]
        if not item.held:
            self.before[deed.item] = whereabouts(item, view)
        if deed.verb == "put":
            self.last = _destination_of(deed)


def whereabouts(item: Item, view: SceneView) -> Beside | At:
    """Return where a thing is as a place to put it: in or on what holds it, otherwise the part of the table."""
    if item.support is not None:
        return Beside(view[item.support].holds or "on", Named(item.support))
    return At(nearest_region(item.x, item.y))


def nearest_region(x: float, y: float) -> str:
    """Return the part of the table that x, y lies in, the smallest first, or else the nearest."""
    for region in ("middle", "left side", "right side", "front", "back"):
        if in_region(region, x, y):
            return region
    return "left side" if y < 0 else "right side"


def after(view: SceneView, deed: Deed) -> SceneView:
    """Return what the view will be when `deed` has been done; what rides on the thing goes along."""
    item = view[deed.item]
    if deed.verb in ("point",) or deed.already:
        return view
    if deed.verb in ("open", "close"):
        return view.with_item(replace(item, open=deed.verb == "open"))
    assert deed.goal is not None
    relation, target = deed.goal.relation, deed.goal.target
    onto = view.find(target) if target is not None and relation in ("in", "on", "stack") else None
    x, y = deed.spot
    bottom = 0.15 if relation == "lift" else (_floor(onto) if onto else 0.0)
    for rider in view.inner(item.name):
        moved = replace(rider, x=rider.x + x - item.x, y=rider.y + y - item.y)
        view = view.with_item(
            replace(moved, bottom=rider.bottom + bottom - item.bottom, top=rider.top + bottom - item.bottom)
        )
    placed = replace(
        item,
        x=x,
        y=y,
        bottom=bottom,
        top=item.top - item.bottom + bottom,
        held=relation == "lift",
        support=onto.name if onto else None,
        rests_on=None,
    )
    return view.with_item(placed)


def _floor(onto: Item) -> float:
    return onto.top - onto.depth if onto.holds else onto.top


def _destination_of(deed: Deed) -> Beside | At | None:
    assert deed.goal is not None and deed.goal.target is not None
    match deed.goal.relation:
        case "move to":
            return At(deed.goal.target)
        case "take out":
            return At(nearest_region(*deed.spot))
        case "stack":
            return Beside("on", Named(deed.goal.target))
        case relation:
            return Beside(relation, Named(deed.goal.target))
