# Every command of this project.

# List the commands
default:
    @just --list

# Compile everything, tests included
check:
    cargo check --all-targets

# Everything that must hold; arguments choose tests: `just test races`
test *ARGS:
    scripts/test {{ARGS}}

# What a change to the interface must commit
openapi:
    cargo run --quiet -- openapi > openapi/openapi.json.new
    mv openapi/openapi.json.new openapi/openapi.json

# What a change to the command line must commit
options:
    cargo run --quiet -- options > docs/reference/options.md.new
    mv docs/reference/options.md.new docs/reference/options.md

# Format and lint, mending what can be mended
lint:
    cargo fmt
    cargo clippy --all-targets --fix --allow-dirty --allow-staged -- -D warnings

# What the CI runs
ci:
    .ci/run

# A server on ./data; arguments go to `serve`
run *ARGS:
    cargo run -- serve {{ARGS}}

# The long form of the crash tests
crash KILLS="100":
    CRASH_KILLS={{KILLS}} cargo nextest run crash::rules_4_killed

# The long form of the tests of lists: so many searches after writes, and so many records walked by cursor
lists COUNT="100000":
    SEARCH_CHECKS={{COUNT}} CURSOR_RECORDS={{COUNT}} cargo nextest run lists::read_after_write lists::cursors
