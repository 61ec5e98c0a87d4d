"""The only file that touches PyBullet: bodies, joints, contacts, inverse kinematics and pictures behind one class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.types import ImageArray
from sim.camera import Light
from sim.geometry import Array, BodySpec, Box, Cylinder, JointType, Mesh, Part, Pose, Sphere
from sim.quiet import silenced

with silenced():  # PyBullet announces its build time on import, which would spoil --json output.
    import pybullet
    from pybullet_utils.bullet_client import BulletClient

TIME_STEP = 1 / 120
"""Seconds a physics step; with SOLVER_ITERATIONS = 30 half the cost of PyBullet's defaults, and grasps still hold."""
SOLVER_ITERATIONS = 30
GRAVITY = -9.81
SEGMENT_ID_MASK = (1 << 24) - 1
"""PyBullet packs body + (link + 1) << 24 into a segmentation pixel."""

_JOINT = {JointType.PRISMATIC: pybullet.JOINT_PRISMATIC, JointType.REVOLUTE: pybullet.JOINT_REVOLUTE}


@dataclass(frozen=True, eq=False)
class Picture:
    """rgb: uint8 (H, W, 3).  depth: float32 (H, W), OpenGL's buffer in [0, 1].  bodies: int32 (H, W), −1 = none."""

    rgb: ImageArray
    depth: NDArray[np.float32]
    bodies: NDArray[np.int32]


class Physics:
    """One private PyBullet world. Bodies are integers; positions in metres in the base frame; quaternions xyzw."""

    def __init__(self) -> None:
        with silenced():
            self._client = BulletClient(pybullet.DIRECT)
        self._connected = True
        self.reset()

    def reset(self) -> None:
        """Remove everything and start again; a rebuild of the same scene is bit-identical from here."""
        client = self._client
        client.resetSimulation()
        client.setGravity(0, 0, GRAVITY)
        client.setPhysicsEngineParameter(
            fixedTimeStep=TIME_STEP,
            numSolverIterations=SOLVER_ITERATIONS,
            deterministicOverlappingPairs=1,
        )

    def close(self) -> None:
        """Free the engine; closing twice is allowed."""
        if self._connected:
            self._connected = False
            self._client.disconnect()

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self._client.stepSimulation()

    def add_body(self, spec: BodySpec, pose: Pose) -> int:
        """Build `spec` at `pose` and return its body number."""
        client, links = self._client, spec.links
        body = client.createMultiBody(
            baseMass=spec.mass,
            baseCollisionShapeIndex=self._shapes(spec.collision, visual=False),
            baseVisualShapeIndex=self._shapes(spec.visual, visual=True),
            basePosition=pose.position,
            baseOrientation=pose.quaternion,
            linkMasses=[link.mass for link in links],
            linkCollisionShapeIndices=[self._shapes(link.collision, visual=False) for link in links],
            linkVisualShapeIndices=[self._shapes(link.visual, visual=True) for link in links],
            linkPositions=[link.origin.position for link in links],
            linkOrientations=[link.origin.quaternion for link in links],
            linkInertialFramePositions=[(0, 0, 0)] * len(links),
            linkInertialFrameOrientations=[(0, 0, 0, 1)] * len(links),
            linkParentIndices=[0] * len(links),
            linkJointTypes=[_JOINT[link.joint] for link in links],
            linkJointAxis=[link.axis for link in links],
        )
        for index in range(-1, len(links)):
            client.changeDynamics(
                body,
                index,
                lateralFriction=spec.lateral_friction,
                spinningFriction=spec.spinning_friction,
                rollingFriction=spec.rolling_friction,
                linearDamping=0.02,
                angularDamping=0.1,
                activationState=pybullet.ACTIVATION_STATE_DISABLE_SLEEPING,
            )
        for index, link in enumerate(links):
            client.changeDynamics(body, index, jointLowerLimit=link.low, jointUpperLimit=link.high)
            client.setJointMotorControl2(body, index, pybullet.VELOCITY_CONTROL, targetVelocity=0, force=link.friction)
        return int(body)

    def load_urdf(self, path: Path, pose: Pose) -> int:
        """Load a robot fixed to the world and return its body number."""
        return int(
            self._client.loadURDF(
                str(path),
                pose.position,
                pose.quaternion,
                useFixedBase=True,
                flags=pybullet.URDF_USE_INERTIA_FROM_FILE,
            )
        )

    def remove(self, body: int) -> None:
        self._client.removeBody(body)

    def pose(self, body: int) -> Pose:
        """Return where the body's frame is (its centre of mass)."""
        return Pose(*self._client.getBasePositionAndOrientation(body))

    def place(self, body: int, pose: Pose) -> None:
        """Put the body there, at rest."""
        self._client.resetBasePositionAndOrientation(body, pose.position, pose.quaternion)
        self._client.resetBaseVelocity(body, (0, 0, 0), (0, 0, 0))

    def speed(self, body: int) -> tuple[float, float]:
        """Return linear speed [m/s] and angular speed [rad/s]."""
        linear, angular = self._client.getBaseVelocity(body)
        return float(np.linalg.norm(linear)), float(np.linalg.norm(angular))

    def bounds(self, body: int, link: int = -1) -> tuple[Array, Array]:
        """Return the lowest and highest corner (3,) of the axis-aligned box round one link's collision shape."""
        low, high = self._client.getAABB(body, link)
        return np.array(low), np.array(high)

    def touching(self, body: int, other: int, *, other_links: tuple[int, ...] | None = None) -> bool:
        """Say whether the two bodies are in contact (with one of `other_links`, when given)."""
        contacts = self._client.getContactPoints(bodyA=body, bodyB=other) or ()
        return any(other_links is None or contact[4] in other_links for contact in contacts)

    def touched_by(self, body: int) -> set[int]:
        """Return the numbers of the bodies in contact with this one."""
        return {contact[2] for contact in self._client.getContactPoints(bodyA=body) or ()} - {body}

    def penetration(self, body: int) -> float:
        """Return how deep [m] the body is sunk into others at its worst contact; 0 when it merely touches."""
        contacts = self._client.getContactPoints(bodyA=body) or ()
        return max((-contact[8] for contact in contacts), default=0.0)

    def hardest_press(self, body: int) -> float:
        """Return the greatest normal force [N] at any contact of the body in the last step."""
        return max((contact[9] for contact in self._client.getContactPoints(bodyA=body) or ()), default=0.0)

    def joint_names(self, body: int) -> list[str]:
        return [self._client.getJointInfo(body, index)[1].decode() for index in range(self._client.getNumJoints(body))]

    def joint_limits(self, body: int, joints: list[int]) -> tuple[Array, Array]:
        rows = [self._client.getJointInfo(body, joint) for joint in joints]
        return np.array([row[8] for row in rows]), np.array([row[9] for row in rows])

    def joint_positions(self, body: int, joints: list[int]) -> Array:
        """Return joint angles [rad] or extensions [m]."""
        return np.array([state[0] for state in self._client.getJointStates(body, joints)])

    def joint_motion(self, body: int, joint: int) -> tuple[float, float]:
        """Return a joint's position [m | rad] and speed [m/s | rad/s]."""
        position, speed, _, _ = self._client.getJointState(body, joint)
        return float(position), float(speed)

    def set_joints(self, body: int, joints: list[int], values: Array) -> None:
        """Put joints there at once, at rest, without physics."""
        for joint, value in zip(joints, values, strict=True):
            self._client.resetJointState(body, joint, float(value), 0.0)

    def drive_joints(
        self,
        body: int,
        joints: list[int],
        targets: Array,
        forces: list[float],
        *,
        velocities: Array | None = None,
        gains: list[float] | None = None,
    ) -> None:
        """Set targets for the joint motors; they hold until the next call.

        forces: most force [N] or torque [N m] of each motor.  velocities: speed wanted at the target, None: rest.
        gains: share of the position error that each motor tries to remove in a physics step, None: a tenth.
        """
        self._client.setJointMotorControlArray(
            body,
            joints,
            pybullet.POSITION_CONTROL,
            targetPositions=targets.tolist(),
            targetVelocities=[0.0] * len(joints) if velocities is None else velocities.tolist(),
            positionGains=[0.1] * len(joints) if gains is None else gains,
            forces=forces,
        )

    def turn_joints(self, body: int, joints: list[int], torques: list[float]) -> None:
        """Add torques [N m] to what the motors of these joints do, for the next physics step alone."""
        self._client.setJointMotorControlArray(body, joints, pybullet.TORQUE_CONTROL, forces=torques)

    def joint_torques(self, body: int, positions: Array, speeds: Array, accelerations: Array) -> list[float]:
        """Return the torque or force [N m | N] of every movable joint that this motion takes when nothing is touched:
        what carries the links and what swings them."""
        rows = (positions.tolist(), speeds.tolist(), accelerations.tolist())
        return list(self._client.calculateInverseDynamics(body, *rows))

    def mirror_joints(self, body: int, joint: int, other: int, axis: tuple[float, float, float]) -> None:
        """Gear two sliding joints together, so that both extend equally, as a parallel gripper's fingers do."""
        gear = self._client.createConstraint(
            body,
            joint,
            body,
            other,
            pybullet.JOINT_GEAR,
            jointAxis=axis,
            parentFramePosition=(0, 0, 0),
            childFramePosition=(0, 0, 0),
        )
        self._client.changeConstraint(gear, gearRatio=-1, erp=0.2, maxForce=200)

    def link_pose(self, body: int, link: int) -> Pose:
        """Return the pose of a link's own frame (not of its centre of mass)."""
        state = self._client.getLinkState(body, link, computeForwardKinematics=True)
        return Pose(state[4], state[5])

    def change_friction(self, body: int, link: int, *, lateral: float, spinning: float, anchored: bool = False) -> None:
        """Set a link's friction. anchored: correct the creep of sticking contacts that an unfinished solve leaves."""
        self._client.changeDynamics(
            body, link, lateralFriction=lateral, spinningFriction=spinning, frictionAnchor=int(anchored)
        )

    def ignore_collision(self, body: int, other: int, link: int = -1, other_link: int = -1) -> None:
        self._client.setCollisionFilterPair(body, other, link, other_link, enableCollision=0)

    def jacobian(self, body: int, link: int, joints: Array) -> tuple[Array, Array]:
        """Return the linear (3, n) and angular (3, n) Jacobian of a link's frame at joint values `joints` (n,)."""
        zeros = [0.0] * len(joints)
        linear, angular = self._client.calculateJacobian(body, link, (0, 0, 0), list(joints), zeros, zeros)
        return np.array(linear), np.array(angular)

    def solve_ik(self, body: int, link: int, pose: Pose) -> Array:
        """Return joint values for all movable joints that bring `link` to `pose`; the caller checks the residual."""
        solution = self._client.calculateInverseKinematics(
            body, link, pose.position, pose.quaternion, maxNumIterations=100, residualThreshold=1e-5
        )
        return np.array(solution)

    def render(self, view: Array, projection: Array, size: tuple[int, int], light: Light) -> Picture:
        """Draw one picture of (height, width) with the software renderer. Matrices: OpenGL 4 x 4, row-major here."""
        height, width = size
        _, _, rgba, depth, segments = self._client.getCameraImage(
            width,
            height,
            viewMatrix=view.T.ravel().tolist(),
            projectionMatrix=projection.T.ravel().tolist(),
            renderer=pybullet.ER_TINY_RENDERER,
            shadow=int(light.shadow),
            lightDirection=light.direction,
            lightColor=light.colour,
            lightAmbientCoeff=light.ambient,
            lightDiffuseCoeff=light.diffuse,
            lightSpecularCoeff=light.specular,
        )
        rgb = np.asarray(rgba, dtype=np.uint8).reshape(height, width, 4)[:, :, :3]
        bodies = np.asarray(segments, dtype=np.int32).reshape(height, width)
        return Picture(
            rgb=np.ascontiguousarray(rgb),
            depth=np.asarray(depth, dtype=np.float32).reshape(height, width),
            bodies=np.where(bodies < 0, -1, bodies & SEGMENT_ID_MASK),
        )

    def _shapes(self, parts: tuple[Part, ...], *, visual: bool) -> int:
        """Build one compound shape; −1 (PyBullet's "none") for no parts."""
        if not parts:
            return -1
        kinds, radii, halves, lengths, files, scales = [], [], [], [], [], []
        for part in parts:
            shape = part.shape
            kinds.append(_KIND[type(shape)])
            radii.append(getattr(shape, "radius", 0.0))
            halves.append(getattr(shape, "half_extents", (0.0, 0.0, 0.0)))
            lengths.append(getattr(shape, "height", 0.0))
            files.append(str(shape.path) if isinstance(shape, Mesh) else "")
            scales.append(getattr(shape, "scale", (1.0, 1.0, 1.0)))
        common = {"shapeTypes": kinds, "radii": radii, "halfExtents": halves, "lengths": lengths}
        meshes = {"fileNames": files, "meshScales": scales}
        positions = [part.pose.position for part in parts]
        quaternions = [part.pose.quaternion for part in parts]
        if visual:
            return int(
                self._client.createVisualShapeArray(
                    **common,
                    **meshes,
                    rgbaColors=[(*part.colour, 1.0) for part in parts],
                    visualFramePositions=positions,
                    visualFrameOrientations=quaternions,
                )
            )
        return int(
            self._client.createCollisionShapeArray(
                **common,
                **meshes,
                collisionFramePositions=positions,
                collisionFrameOrientations=quaternions,
            )
        )


_KIND = {
    Box: pybullet.GEOM_BOX,
    Cylinder: pybullet.GEOM_CYLINDER,
    Sphere: pybullet.GEOM_SPHERE,
    Mesh: pybullet.GEOM_MESH,
}
