# virtufin-pack as a user runs it: the same bytes wherever, whenever and by whomever, and bytes that
# other readers of zip files agree about.
#   packer_test.py <virtufin-pack> <library> <RID of this machine> <folder to work in>
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile

pack, library, host_rid, work = sys.argv[1:]
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
os.chdir(work)
FILE_TIMES = [0, 315532800, 1700000000]


def run(*arguments, expect=0, **settings):
    done = subprocess.run([pack, *arguments], capture_output=True, text=True, **settings)
    assert done.returncode == expect, (arguments, done)
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def fake_elf(machine):
    return b"\x7fELF\2\1" + bytes(10) + bytes([3, 0, machine, 0]) + b"made up"


# Pins WA-39.
def is_deterministic():
    foreign = "linux-arm64" if host_rid != "linux-arm64" else "linux-x64"
    with open("foreign.so", "wb") as file:
        file.write(fake_elf(183 if foreign == "linux-arm64" else 62))
    packages = set()
    outputs = set()
    for i, (zone, language, mask) in enumerate(
        [("UTC", "C", 0o022), ("Pacific/Kiritimati", "C.UTF-8", 0o077), ("America/St_Johns", "xx", 0)]
    ):
        copy = os.path.join(f"place {i}", f"copy{i}.so")
        os.makedirs(os.path.dirname(copy))
        shutil.copy(library, copy)
        for path in (copy, "foreign.so"):
            os.utime(path, (FILE_TIMES[i], FILE_TIMES[i]))
        libraries = [copy, f"{foreign}=foreign.so"]
        environment = {"TZ": zone, "LC_ALL": language, "LANG": language, "SOURCE_DATE_EPOCH": str(i)}
        result = run(
            "--id", "Test.Worker", "--version", "1.0.0", "--output", f"{i}.nupkg",
            "--description", "R\u00f6sti", *(libraries if i % 2 else libraries[::-1]),
            env=environment, umask=mask,
        )
        outputs.add(result.stdout.split()[0])
        packages.add(read(f"{i}.nupkg"))
    assert len(packages) == 1 and len(outputs) == 1, outputs
    assert sorted(os.listdir(".")) == sorted(
        ["foreign.so"] + [f"{i}.nupkg" for i in range(3)] + [f"place {i}" for i in range(3)]
    ), os.listdir(".")
    return packages.pop(), outputs.pop()


# Pins WA-39.
def is_what_other_tools_read(package):
    assert subprocess.run(["unzip", "-tqq", "0.nupkg"]).returncode == 0
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
        names = [info.filename for info in infos]
        assert names == sorted(names) and names[:2] == [".supported-rids", "Test.Worker.nuspec"], names
        for info in infos:
            assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.compress_type == 0, info
            assert not info.extra and not info.comment and info.flag_bits == 0, info
        assert archive.read(f"runtimes/{host_rid}/native/libTest.Worker.so") == read(library)
        return {name: archive.read(name) for name in names}


# The same entries by another writer are the same bytes.
def as_python_writes(contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, contents[name])
    return file.getvalue()


# Pins WA-40.
def has_its_digest_as_version(package, version, contents):
    assert as_python_writes(contents) == package
    number, digits = version.split("-sha.")
    assert number == "1.0.0" and len(digits) == 8, version
    zeros = dict(contents)
    nuspec = contents["Test.Worker.nuspec"]
    assert nuspec.count(version.encode()) == 1
    zeros["Test.Worker.nuspec"] = nuspec.replace(version.encode(), b"1.0.0-sha.00000000")
    assert hashlib.sha256(as_python_writes(zeros)).hexdigest()[:8] == digits


# Pins WA-39.
def says_what_is_wrong():
    common = ["--id", "Test.Worker", "--version", "1.0.0"]
    missing = run(*common, "nowhere.so", expect=1)
    assert missing.stderr == "virtufin-pack: nowhere.so: cannot be read\n", missing
    folder = run(*common, ".", expect=1)
    assert folder.stderr == "virtufin-pack: .: cannot be read\n", folder
    name = run(*common, library, "--library", "a/b", expect=1)
    assert name.stderr.startswith("virtufin-pack: library: expected a library name of "), name
    place = run(*common, library, "-o", "no/such/folder/x.nupkg", expect=1)
    assert place.stderr == "virtufin-pack: no/such/folder/x.nupkg: cannot be written\n", place
    usage = subprocess.run([pack, library], capture_output=True, text=True)
    assert usage.returncode != 0 and "--id is required" in usage.stderr, usage
    assert not [name for name in os.listdir(".") if name.endswith(".part")]
    named = run(*common, library).stdout.split()
    assert named[1] == f"Test.Worker.{named[0]}.nupkg" and os.path.exists(named[1]), named


package, version = is_deterministic()
contents = is_what_other_tools_read(package)
has_its_digest_as_version(package, version, contents)
says_what_is_wrong()
print(f"{version}: {len(package)} bytes")
