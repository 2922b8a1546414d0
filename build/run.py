"""Runs one command for a gn action: those are Python scripts, some steps are plain commands."""

import subprocess
import sys

sys.exit(subprocess.call(sys.argv[1:]))
