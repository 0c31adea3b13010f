"""Prints the records of an Avro container file as lines of JSON, by Apache's own library."""
import json
import sys

from avro.datafile import DataFileReader
from avro.io import DatumReader

with open(sys.argv[1], "rb") as file, DataFileReader(file, DatumReader()) as reader:
    for record in reader:
        record["time"] = record["time"].isoformat()
        print(json.dumps(record))
