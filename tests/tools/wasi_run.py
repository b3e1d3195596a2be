#!/usr/bin/env python3
"""Runs a WASI 0.2 command in wasmtime with this machine's network: UDP, and names.

    wasi_run.py [--no-network] [--env NAME=VALUE]... COMPONENT [ARGUMENT]...
    wasi_run.py --imports COMPONENT

It exits as the command does. It needs wasmtime 47 from PyPI: later releases give a component no UDP, and their
interface has no switch for it; earlier ones do not have the calls below.
"""

import argparse
import sys

from wasmtime import Engine, ExitTrap, Store, WasiConfig
from wasmtime import _bindings as ffi
from wasmtime.component import Component, Linker, Variant

# The version of wasi:cli that a component exports may be any of 0.2.
PATCHES = range(32)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Runs a WASI 0.2 command with this machine's network.")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--no-network", action="store_true")
    parser.add_argument("--imports", action="store_true", help="print what the component imports, and do not run it")
    parser.add_argument("component")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(argv)


def configuration(arguments):
    config = WasiConfig()
    config.argv = [arguments.component, *arguments.arguments]
    config.env = [tuple(variable.split("=", 1)) for variable in arguments.env]
    config.inherit_stdin()
    config.inherit_stdout()
    config.inherit_stderr()
    if not arguments.no_network:
        # The package has no methods for these two.
        ffi.wasi_config_inherit_network(config.ptr())
        ffi.wasi_config_allow_ip_name_lookup(config.ptr(), True)
    return config


def find_run(instance, store):
    for patch in PATCHES:
        interface = instance.get_export_index(store, f"wasi:cli/run@0.2.{patch}")
        if interface is not None:
            return instance.get_func(store, instance.get_export_index(store, "run", interface))
    sys.exit("the component has no wasi:cli/run")


def run(arguments, engine, component):
    """The command's exit code."""
    linker = Linker(engine)
    linker.add_wasip2()
    store = Store(engine)
    store.set_wasi(configuration(arguments))
    instance = linker.instantiate(store, component)
    try:
        result = find_run(instance, store)(store)
    except ExitTrap as trap:
        return trap.code
    return 1 if isinstance(result, Variant) and result.tag == "err" else 0


def main(argv):
    arguments = parse_arguments(argv)
    engine = Engine()
    component = Component.from_file(engine, arguments.component)
    if arguments.imports:
        print(*component.type.imports(engine).keys(), sep="\n")
        return 0
    return run(arguments, engine, component)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
