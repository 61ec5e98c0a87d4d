"""A policy over the network: served with openpi's and OpenVLA's protocols, and used from afar as a `Policy`."""
