#!/bin/bash
# All that has to be seen on a GPU, in less than ten minutes, on a machine without a network:
#
#     backends/cuda_pycuda/tools/on_gpu.sh [FOLDER]        # of results; else $OUT, else gpu-results
#     backends/cuda_pycuda/tools/on_gpu.sh --smoke FOLDER  # a little of each step, on the simulator
#
# Run in the checkout. Wheels are taken from .whl/ or wheels/ (docs/cuda.md says how to make them);
# what is installed already does as well. Each step has its seconds, its log and its line in
# summary.json; one that fails or takes too long does not keep the others from running. After 570
# seconds in all (ON_GPU_SECONDS) nothing is begun any more: what matters most comes first.
set -u
cd "$(dirname "$0")/../../.." || exit 1
smoke=
if [ "${1:-}" = --smoke ]; then
    smoke=1
    shift
    export COREX_CUDA_SIMULATOR=1
fi
out=${1:-${OUT:-gpu-results}}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
python=${PYTHON:-python3}
tools=backends/cuda_pycuda/tools
limit=${ON_GPU_SECONDS:-570}
jobs=$(nproc)
[ "$jobs" -gt 8 ] && jobs=8
lines=()

step() { # NAME SECONDS COMMAND...
    local name=$1 seconds=$2 began=$SECONDS code=0 left=$((limit - SECONDS))
    shift 2
    [ "$seconds" -gt "$left" ] && seconds=$left
    [ "$seconds" -lt 5 ] && set -- false "there is no time left for it"
    echo "== $name: $*"
    timeout --kill-after=5 "$((seconds > 5 ? seconds : 5))" "$@" >"$out/$name.log" 2>&1 || code=$?
    tail -n 4 "$out/$name.log"
    echo "== $name: exit $code after $((SECONDS - began)) s"
    lines+=("\"$name\": {\"exit\": $code, \"seconds\": $((SECONDS - began))}")
    (
        IFS=,
        echo "{${lines[*]}}"
    ) >"$out/summary.json"
    return $code
}

for wheels in .whl wheels; do
    [ -z "$smoke" ] && compgen -G "$wheels/*.whl" >/dev/null || continue
    step install 60 "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --upgrade --target "$HOME/site" "$wheels"/*.whl
    export PYTHONPATH="$HOME/site${PYTHONPATH:+:$PYTHONPATH}"
    break
done
if ! (cd / && "$python" -c 'import corex, corex_cuda_pycuda') 2>/dev/null; then
    step install-corex 90 "$python" -m pip install -q --no-index --no-deps --no-build-isolation \
        --no-compile --upgrade --target "$HOME/site" .
    export PYTHONPATH="$HOME/site${PYTHONPATH:+:$PYTHONPATH}"
fi

corex=("$python" -P -m corex)
some=(--op "add,sum,softmax,matmul,index_put")
alternating=(env COREX_CUDA_ALTERNATE=1 COREX_CUDA_POISON=1)
alone=(env COREX_CUDA_CACHING=0)
[ -z "$smoke" ] && step machine 20 sh -c 'nvidia-smi; nvcc --version'
step backends 30 "${corex[@]}" backends || exit 1
if [ -n "$smoke" ]; then
    step conformance 300 "${corex[@]}" conformance cuda_pycuda --reduced --op add \
        --json "$out/conformance.json"
    step benchmarks 300 "$python" -m benchmarks.gpu --smoke --against nothing \
        --json "$out/benchmarks.json" --markdown "$out/benchmarks.md"
    exit 0
fi
step warm 120 "${corex[@]}" backends --warm cuda
step conformance 120 "${corex[@]}" conformance cuda_pycuda --jobs "$jobs" \
    --json "$out/conformance.json" --html "$out/conformance.html"
step benchmarks 150 "$python" -m benchmarks.gpu \
    --json "$out/benchmarks.json" --markdown "$out/benchmarks.md"
step programs 40 "$python" "$tools/programs.py"
step streams 40 "${alternating[@]}" "$python" "$tools/conformance.py" --reduced --jobs "$jobs"
step memcheck 60 "${alone[@]}" compute-sanitizer --tool memcheck --target-processes all \
    --print-limit 20 "$python" "$tools/conformance.py" --reduced --jobs 2 "${some[@]}"
step tests 60 "$python" -m pytest -q -x tests/backends/cuda_pycuda -p no:cacheprovider
cat "$out/summary.json"
