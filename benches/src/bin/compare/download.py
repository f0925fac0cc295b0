"""download.py BUCKET KEY PATH: what the pipeline that thumbcore replaces begins with."""

import sys

import boto3

boto3.client("s3").download_file(*sys.argv[1:])
