"""Clients made from /openapi.json by openapi-typescript, hey-api and openapi-python-client: compiled under strict settings,
and run against the service. Also `redocly lint` of the document.

CLIENT_TOOLS names the folder with the tools (`npm ci` of tests/sdk/clients/package.json); node stands beside this Python.
Further settings: see support.py.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support import http, setting

SOURCES = Path(__file__).with_name("clients")
PROGRAMS = Path(sys.executable).parent


def run(*command, folder):
    """Runs a program, and shows its output if it fails or warns."""
    environment = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    result = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if result.returncode != 0:
        sys.exit(f"generated_clients: {' '.join(map(str, command[:3]))} failed:\n{result.stdout}")
    return result.stdout


def node(folder, package, program, *arguments):
    return run(PROGRAMS / "node", folder / "node_modules" / package / program, *arguments, folder=folder)


def the_document_is_clean(folder):
    said = node(folder, "@redocly/cli", "bin/cli.js", "lint", "--config=redocly.yaml", "openapi.json")
    if "warning" in said:
        sys.exit(f"generated_clients: redocly warns:\n{said}")


def typescript_clients_work(folder):
    node(folder, "openapi-typescript", "bin/cli.js", "openapi.json", "--output=openapi_typescript/schema.d.ts")
    node(folder, "@hey-api/openapi-ts", "bin/run.js", "--file=hey_api.config.mjs", "--no-log-file")
    node(folder, "typescript", "bin/tsc", "--project", "tsconfig.json")
    for program in ("use_openapi_typescript", "use_hey_api"):
        print(run(PROGRAMS / "node", f"built/{program}.js", folder=folder).strip())


def the_python_client_works(folder):
    said = run(
        PROGRAMS / "openapi-python-client",
        "generate",
        "--path=openapi.json",
        "--meta=none",
        "--config=openapi_python_client.yaml",
        "--output-path=customary_client",
        folder=folder,
    )
    # It knows no files of two kinds and no lines as bodies; a file can also be sent as a form, and transactions as an array, and
    # that it makes.
    unknown = ("text/csv", "application/x-ndjson") * 2 + ("application/x-ndjson",)
    if said.count("WARNING") != len(unknown) or any(f"Unsupported content type {each}" not in said for each in unknown):
        sys.exit(f"generated_clients: openapi-python-client warns:\n{said}")
    run(PROGRAMS / "mypy", "--strict", "customary_client", "use_python_client.py", folder=folder)
    print(run(sys.executable, "use_python_client.py", folder=folder).strip())


def main():
    answer = http("GET", "/openapi.json")
    if answer.status != 200:
        sys.exit(f"generated_clients: GET /openapi.json answers {answer.status}")
    tools = Path(setting("CLIENT_TOOLS")).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        (folder / "node_modules").symlink_to(tools / "node_modules")
        (folder / "openapi.json").write_text(answer.text)
        the_document_is_clean(folder)
        typescript_clients_work(folder)
        the_python_client_works(folder)
    print("generated_clients: three clients made, compiled and used")


if __name__ == "__main__":
    main()
