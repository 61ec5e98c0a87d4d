"""The robot's page: chat, cameras, plan, stop and memory in a browser on this machine. Needs no library of its own:
the page is three files, and one websocket (`websockets`) carries everything that changes."""
