#!/bin/sh
# Installs Trilend into a virtual environment: the one way, for the image and for `make run` alike.
#
#   usage: install.sh VENV_DIR [--editable] [--with test|bench]
#
# --editable  the sources stay where they are and are read from there
# --with      also what the tests, or the benchmarks, need (both are supersets of requirements/run.txt)
# PYTHON      environment: the interpreter to build on, default python3
#
# What is already installed is left alone: stamps inside VENV_DIR remember the sums of what was installed.
set -eu

usage() {
    echo "usage: install.sh VENV_DIR [--editable] [--with test|bench]" >&2
    exit 2
}

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

venv_dir=
mode=copied
with=run
while [ $# -gt 0 ]; do
    case $1 in
        --editable) mode=editable ;;
        --with)
            [ $# -ge 2 ] || usage
            with=$2
            shift
            ;;
        -*) usage ;;
        *) [ -z "$venv_dir" ] && venv_dir=$1 || usage ;;
    esac
    shift
done
case $with in
    run) supersets_of="run" ;;
    test) supersets_of="run test" ;;
    bench) supersets_of="run test bench" ;;
    *) usage ;;
esac
case $venv_dir in
    "") usage ;;
    /*) ;;
    *) venv_dir=$PWD/$venv_dir ;;
esac
base_python=${PYTHON:-python3}
venv_python=$venv_dir/bin/python
cd "$(dirname -- "$0")/.."

check_base_python() {
    command -v "$base_python" >/dev/null 2>&1 ||
        fail "Python 3.11 or newer is needed and '$base_python' was not found; name one with PYTHON=…"
    "$base_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed and '$base_python' is older; name another with PYTHON=…"
    "$base_python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$base_python' lacks the venv module; install it (on Debian and Ubuntu: the package python3-venv)."
}

# An environment whose interpreter was removed or upgraded under it can no longer import its own pip.
venv_works() {
    [ -x "$venv_python" ] && "$venv_python" -c 'import importlib.util as u; exit(u.find_spec("pip") is None)' 2>/dev/null
}

create_venv() {
    if [ -d "$venv_dir" ] && [ ! -f "$venv_dir/pyvenv.cfg" ] && [ -n "$(ls -A "$venv_dir")" ]; then
        fail "'$venv_dir' is not empty and not a virtual environment; it was left untouched."
    fi
    "$base_python" -m venv --clear "$venv_dir"
}

requirements_sum() {
    cksum <"requirements/$1.txt"
}

packages() {
    for init in ./*/trilend*/__init__.py; do
        echo "${init%/__init__.py}"
    done
}

# Editable, the sources are read in place and only what is generated from them matters: the list of packages and
# the compiled message catalogues. Copied, every source file matters.
project_sum() {
    {
        echo "$mode"
        cksum setup.py pyproject.toml requirements/*.in
        if [ "$mode" = editable ]; then
            packages
            find $(packages) -name '*.po' -exec cksum {} +
        else
            find $(packages) -type f ! -name '*.pyc' ! -name '*.mo' -exec cksum {} +
        fi
    } | sort | cksum
}

stamped() {
    [ -f "$venv_dir/.trilend-$1" ] && [ "$(cat "$venv_dir/.trilend-$1")" = "$2" ]
}

pip_install() {
    "$venv_python" -m pip --disable-pip-version-check --no-input install --quiet "$@"
}

install_requirements() {
    echo "Installing requirements/$with.txt into $venv_dir; this takes a minute or two."
    rm -f "$venv_dir"/.trilend-run "$venv_dir"/.trilend-test "$venv_dir"/.trilend-bench
    pip_install --require-hashes -r "requirements/$with.txt"
    for set in $supersets_of; do
        requirements_sum "$set" >"$venv_dir/.trilend-$set"
    done
}

install_project() {
    echo "Installing Trilend ($mode) into $venv_dir."
    rm -f "$venv_dir/.trilend-project"
    if [ "$mode" = editable ]; then
        pip_install --no-deps --no-build-isolation --editable .
    else
        # What setuptools left of an earlier build would be installed again, deleted modules included.
        rm -rf build/lib
        pip_install --no-deps --no-build-isolation --force-reinstall .
    fi
    project_sum >"$venv_dir/.trilend-project"
}

if ! venv_works; then
    check_base_python
    create_venv
fi
stamped "$with" "$(requirements_sum "$with")" || install_requirements
stamped project "$(project_sum)" || install_project
