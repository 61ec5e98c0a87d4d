"""An emulated robot cell: the table-top world behind the wire protocol of a real Franka, in processes of its own.

`client` starts and talks to it; `controller` and `cameras` are what runs there. Needs the `cell` extra (franky-sim).
"""
