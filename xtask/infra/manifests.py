"""Validates rendered Kubernetes manifests, strictly: a field that does not exist is an error.

    manifests.py VERSION FILE...

Kubernetes' own kinds are judged by its schemas, KEDA's by models made from its CRDs. What neither knows is an error
too. One finding a line; exit status 1 if there is any.
"""

import sys

import kubernetes_validate
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from pydantic import ValidationError

KEDA = "keda.sh/v1alpha1"


def unknown(given, known, path=""):
    """Fields of `given` that did not survive being read into a model and written again."""
    if isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(known, dict) or name not in known:
                yield f"{path}.{name}".lstrip(".")
            else:
                yield from unknown(value, known[name], f"{path}.{name}")
    elif isinstance(given, list):
        for index, value in enumerate(given):
            yield from unknown(value, known[index], f"{path}[{index}]")


def findings(document, version):
    if document["apiVersion"] == KEDA:
        model = getattr(keda, document["kind"], None)
        if model is None:
            return [f"KEDA has no kind {document['kind']}"]
        try:
            read = model.model_validate(document)
        except ValidationError as error:
            return [str(error)]
        known = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return [f"{field} does not exist" for field in unknown(document, known)]
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError as error:
        return [error.message]
    return []


def main(version, files):
    count, bad = 0, 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            documents = [document for document in yaml.safe_load_all(text) if document]
        if not documents:
            print(f"{file}: empty")
            bad += 1
        for document in documents:
            count += 1
            for finding in findings(document, version):
                bad += 1
                print(f"{file}: {document['kind']} {document['metadata']['name']}: {finding}")
    print(f"{count} documents against Kubernetes {version} and KEDA", file=sys.stderr)
    return 1 if bad else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
