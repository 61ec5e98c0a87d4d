"""What is said and what comes of it: plans as data, their verifier and executor, corrections, and memory."""
