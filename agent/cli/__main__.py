import sys

from agent.cli.program import main

sys.exit(main())
