"""Make the light Panda of sim/assets/panda from the meshes that pybullet_data ships: `python -m sim.build_panda`.

The stock arm has 101,735 triangles and costs over 30 ms a picture; this one has about 3,500. The results are committed,
so this runs only when the recipe changes. Visual meshes are decimated, one file a link and colour; collision shapes are
convex hulls of few points for links and hand, and boxes for the fingers, whose flat pads make grasps stable.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.spatial import ConvexHull

from agent.errors import SpecError
from sim.decimate import TriangleMesh, read_obj, simplify, sphere_directions, weld, write_obj
from sim.geometry import Array
from sim.kinematics import FINGER_OFFSET, FINGER_TRAVEL, HAND_OFFSET, HAND_YAW, JOINTS

ASSETS = Path(__file__).parent / "assets" / "panda"
COLOURS = {"white": (0.93, 0.94, 0.95), "dark": (0.24, 0.25, 0.26), "grey": (0.62, 0.63, 0.65)}
DARK_BELOW = 0.5
"""Materials darker than this are drawn dark grey, the others white."""
SMALLEST_PART = 0.025
"""Parts with a shorter diagonal [m] (lamps, screws, lettering) are left out: they are below a pixel."""
HULL_DIRECTIONS = 48


@dataclass(frozen=True)
class Source:
    """One link: its mesh in pybullet_data, triangles to keep, mass [kg], whose mesh also gives the inertia."""

    name: str
    mesh: str
    triangles: int
    mass: float


LINKS = (
    Source("panda_link0", "collision/link0.obj", 200, 2.9),
    Source("panda_link1", "visual/link1.obj", 320, 2.7),
    Source("panda_link2", "visual/link2.obj", 320, 2.73),
    Source("panda_link3", "visual/link3.obj", 360, 2.04),
    Source("panda_link4", "visual/link4.obj", 360, 2.08),
    Source("panda_link5", "visual/link5.obj", 400, 3.0),
    Source("panda_link6", "visual/link6.obj", 400, 1.3),
    Source("panda_link7", "collision/link7.obj", 200, 0.3),
    Source("panda_hand", "visual/hand.obj", 360, 0.81),
)
FINGER = Source("panda_finger", "visual/finger.obj", 150, 0.1)
FINGER_BOXES = (
    ((0.0, 0.0065, 0.0358), (0.0095, 0.0065, 0.0180)),
    ((0.0, 0.0150, 0.0170), (0.0100, 0.0110, 0.0170)),
)
"""Centre and half extents [m] in the left finger's frame: the flat pad from the tip up, and the block behind it."""


def main() -> None:
    """Write meshes, URDF and the licence note into sim/assets/panda."""
    source = stock_folder()
    ASSETS.mkdir(parents=True, exist_ok=True)
    robot = ElementTree.Element("robot", name="panda")
    for name, (red, green, blue) in COLOURS.items():
        material = ElementTree.SubElement(robot, "material", name=name)
        ElementTree.SubElement(material, "color", rgba=f"{red} {green} {blue} 1")
    for link in LINKS:
        _add_link(robot, link, source)
    fingers = (("panda_leftfinger", 0.0), ("panda_rightfinger", float(np.pi)))
    for name, yaw in fingers:
        _add_finger(robot, name, source, yaw)
    _add_joints(robot)
    ElementTree.indent(robot)
    (ASSETS / "panda.urdf").write_text(ElementTree.tostring(robot, encoding="unicode") + "\n")
    (ASSETS / "LICENSE.txt").write_text((source.parent / "LICENSE.txt").read_text())
    (ASSETS / "NOTICE.txt").write_text(NOTICE)


NOTICE = """The meshes in this folder are decimated from the Franka Emika Panda meshes of franka_ros
(https://github.com/frankaemika/franka_ros), Copyright 2017 Franka Emika GmbH, as shipped by pybullet_data,
under the Apache License 2.0 (LICENSE.txt). Changes: triangles were merged, materials reduced to flat colours, collision
shapes replaced by convex hulls and boxes, inertias computed from the hulls. panda.urdf was written by
sim/build_panda.py, which makes every file of this folder.
"""


def stock_folder() -> Path:
    """Return the folder of the Panda's meshes in the installed pybullet_data, found without importing the package."""
    found = find_spec("pybullet_data")
    if found is None or found.origin is None:
        raise SpecError("pybullet_data is not installed; it comes with pybullet 3.2.7")
    return Path(found.origin).parent / "franka_panda" / "meshes"


def read_parts(source: Path, name: str) -> list[tuple[str, TriangleMesh]]:
    """Return (material colour name, welded mesh) of the parts of one stock mesh that are big enough to see."""
    path = source / name
    shades = material_shades(path.with_suffix(".mtl"))
    parts = []
    for material, mesh in read_obj(path).items():
        used = mesh.vertices[np.unique(mesh.faces)]
        if np.linalg.norm(np.ptp(used, axis=0)) >= SMALLEST_PART:
            parts.append(("dark" if shades.get(material, 1.0) < DARK_BELOW else "white", weld(mesh)))
    return parts


def material_shades(path: Path) -> dict[str, float]:
    """Return the mean diffuse colour of every material in an MTL file; empty when there is no file."""
    shades: dict[str, float] = {}
    material = ""
    for words in (line.split() for line in path.read_text().splitlines()) if path.exists() else ():
        if words[:1] == ["newmtl"]:
            material = words[1]
        elif words[:1] == ["Kd"]:
            shades[material] = sum(float(word) for word in words[1:4]) / 3
    return shades


def join(meshes: list[TriangleMesh]) -> TriangleMesh:
    """Return one mesh of all."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)]
    return TriangleMesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def light_meshes(parts: list[tuple[str, TriangleMesh]], triangles: int) -> dict[str, TriangleMesh]:
    """Return one decimated mesh a colour, `triangles` in all, dealt out by surface area."""
    total = sum(float(mesh.areas().sum()) for _, mesh in parts)
    light: dict[str, TriangleMesh] = {}
    for colour in COLOURS:
        chosen = [mesh for name, mesh in parts if name == colour]
        if chosen:
            joined = join(chosen)
            share = max(24, round(triangles * float(joined.areas().sum()) / total))
            light[colour] = simplify(joined, share)
    return light


def light_hull(vertices: Array) -> TriangleMesh:
    """Return the convex hull of the points that lie furthest out in HULL_DIRECTIONS directions."""
    extreme = np.unique(np.argmax(vertices @ sphere_directions(HULL_DIRECTIONS).T, axis=0))
    points = vertices[extreme]
    hull = ConvexHull(points)
    faces = hull.simplices.astype(np.int64)
    mesh = TriangleMesh(points, faces)
    inward = np.einsum("fk,fk->f", mesh.face_normals(), hull.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return TriangleMesh(points, faces)


def centre_and_inertia(hull: TriangleMesh, mass: float) -> tuple[Array, Array]:
    """Return the centre of mass (3,) and the inertia about it (3, 3) of a solid hull of even density.

    Sums over the tetrahedra between the origin and each face (Tonon, 2004).
    """
    corners = hull.vertices[hull.faces]
    volumes = np.einsum("fk,fk->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    sums = corners.sum(axis=1)
    density = mass / volumes.sum()
    centre = (volumes[:, None] * sums / 4).sum(axis=0) / volumes.sum()
    second = np.einsum("f,fi,fj->ij", volumes, sums, sums) + np.einsum("f,fci,fcj->ij", volumes, corners, corners)
    second = density * second / 20 - mass * np.outer(centre, centre)
    return centre, np.trace(second) * np.eye(3) - second


def _numbers(values: Array | tuple[float, ...]) -> str:
    return " ".join(f"{float(value):.6g}" for value in values)


def _add_link(robot: ElementTree.Element, link: Source, source: Path) -> None:
    """Write a link's meshes and append its URDF element."""
    parts = read_parts(source, link.mesh)
    hull = light_hull(np.concatenate([mesh.vertices for _, mesh in parts]))
    element = ElementTree.SubElement(robot, "link", name=link.name)
    _add_inertial(element, *centre_and_inertia(hull, link.mass), link.mass)
    short = link.name.removeprefix("panda_")
    for colour, mesh in light_meshes(parts, link.triangles).items():
        write_obj(ASSETS / f"{short}_{colour}.obj", mesh)
        _add_mesh(element, "visual", f"{short}_{colour}.obj", colour)
    write_obj(ASSETS / f"{short}_hull.obj", hull)
    _add_mesh(element, "collision", f"{short}_hull.obj", None)


def _add_finger(robot: ElementTree.Element, name: str, source: Path, yaw: float) -> None:
    """Append one finger; the right one is the left one turned by half a turn."""
    element = ElementTree.SubElement(robot, "link", name=name)
    turn = -1.0 if yaw else 1.0
    centre = np.array((0.0, turn * 0.011, 0.024))
    half = np.array((0.010, 0.011, 0.027))
    inertia = np.diag(FINGER.mass / 3 * ((half**2).sum() - half**2))
    _add_inertial(element, centre, inertia, FINGER.mass)
    for colour, mesh in light_meshes(read_parts(source, FINGER.mesh), FINGER.triangles).items():
        shade = "grey" if colour == "white" else colour
        write_obj(ASSETS / f"finger_{shade}.obj", mesh)
        _add_mesh(element, "visual", f"finger_{shade}.obj", shade, yaw=yaw)
    for (x, y, z), half_extents in FINGER_BOXES:
        collision = ElementTree.SubElement(element, "collision")
        ElementTree.SubElement(collision, "origin", xyz=_numbers((x, turn * y, z)), rpy="0 0 0")
        geometry = ElementTree.SubElement(collision, "geometry")
        ElementTree.SubElement(geometry, "box", size=_numbers(tuple(2 * extent for extent in half_extents)))


def _add_mesh(link: ElementTree.Element, role: str, filename: str, colour: str | None, *, yaw: float = 0.0) -> None:
    element = ElementTree.SubElement(link, role)
    ElementTree.SubElement(element, "origin", xyz="0 0 0", rpy=_numbers((0, 0, yaw)))
    ElementTree.SubElement(ElementTree.SubElement(element, "geometry"), "mesh", filename=filename)
    if colour:
        ElementTree.SubElement(element, "material", name=colour)


def _add_inertial(link: ElementTree.Element, centre: Array, inertia: Array, mass: float) -> None:
    element = ElementTree.SubElement(link, "inertial")
    ElementTree.SubElement(element, "origin", xyz=_numbers(centre), rpy="0 0 0")
    ElementTree.SubElement(element, "mass", value=f"{mass:g}")
    names = {"ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2)}
    ElementTree.SubElement(element, "inertia", {name: f"{inertia[at]:.6g}" for name, at in names.items()})


def _add_joints(robot: ElementTree.Element) -> None:
    for number, joint in enumerate(JOINTS, start=1):
        parent, child = f"panda_link{number - 1}", f"panda_link{number}"
        element = _joint(robot, f"panda_joint{number}", "revolute", (parent, child))
        ElementTree.SubElement(element, "origin", xyz=_numbers(joint.position), rpy=f"{joint.roll:.12g} 0 0")
        ElementTree.SubElement(element, "axis", xyz="0 0 1")
        limit = {"lower": f"{joint.low:g}", "upper": f"{joint.high:g}", "effort": f"{joint.torque:g}"}
        ElementTree.SubElement(element, "limit", {**limit, "velocity": "2.6"})
    hand = _joint(robot, "panda_hand_joint", "fixed", ("panda_link7", "panda_hand"))
    ElementTree.SubElement(hand, "origin", xyz=f"0 0 {HAND_OFFSET}", rpy=f"0 0 {HAND_YAW:.12g}")
    for number, (child, way) in enumerate((("panda_leftfinger", 1), ("panda_rightfinger", -1)), start=1):
        element = _joint(robot, f"panda_finger_joint{number}", "prismatic", ("panda_hand", child))
        ElementTree.SubElement(element, "origin", xyz=f"0 0 {FINGER_OFFSET}", rpy="0 0 0")
        ElementTree.SubElement(element, "axis", xyz=f"0 {way} 0")
        ElementTree.SubElement(element, "limit", lower="0", upper=f"{FINGER_TRAVEL}", effort="40", velocity="0.1")


def _joint(robot: ElementTree.Element, name: str, kind: str, links: tuple[str, str]) -> ElementTree.Element:
    element = ElementTree.SubElement(robot, "joint", name=name, type=kind)
    ElementTree.SubElement(element, "parent", link=links[0])
    ElementTree.SubElement(element, "child", link=links[1])
    return element


if __name__ == "__main__":
    main()
