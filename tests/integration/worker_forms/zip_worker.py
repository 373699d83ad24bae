# zip_worker.py <library> <zip>: a package with manifest.json around a worker library.
import json
import platform
import sys
import zipfile

library, target = sys.argv[1:]
rid = "linux-x64" if platform.machine() in ("x86_64", "AMD64") else "linux-arm64"
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
    package.writestr("manifest.json", json.dumps({"abi_version": 2, "library": "echo"}))
    package.write(library, f"runtimes/{rid}/native/libecho.so")
