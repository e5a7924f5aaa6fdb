#!/usr/bin/env bash
# Runs the whole loop on a GPU machine without network: two runs of self_improve in about ten minutes.
#
#   benchmarks/real_gpu.sh prepare     on a machine with network: packs missing packages into .gpu/site.tar.xz, 50 MB
#   benchmarks/real_gpu.sh run         on the GPU machine, in a copy of the tree with .gpu: runs both and prints figures
#   benchmarks/real_gpu.sh run smoke   tests every step in a few minutes on a CPU; its figures mean nothing
#
# One run uses the embedded model, the other a model of SmolLM2-135M's shape with random weights. The machine requires
# Python 3.12, PyTorch with CUDA and the packages that real_gpu.txt expects there. C++ kernels are built if cmake and a
# compiler are installed; otherwise the reference is used. Reports and logs are written to $OUT (.gpu/out by default).
set -euo pipefail
cd "$(dirname "$0")/.."
GPU=${GPU:-$PWD/.gpu}
SITE=$GPU/site
RUNS=$GPU/runs
OUT=${OUT:-$GPU/out}
PYTHON=${PYTHON:-python3}

prepare() {
  local pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check) wheels=$GPU/wheels platforms=()
  for glibc in 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
  rm -rf "$GPU" && mkdir "$GPU"
  "${pip[@]}" wheel --no-deps -c constraints.txt -w "$wheels" deepspeed antlr4-python3-runtime  # PyPI has no wheels of these
  "${pip[@]}" install --no-deps --no-compile --target "$SITE" --only-binary=:all: --python-version 3.12 \
    --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 -c constraints.txt \
    --find-links "$wheels" -r benchmarks/real_gpu.txt
  XZ_OPT=-2 tar -C "$SITE" --exclude=package_data/datasets -cJf "$SITE.tar.xz" .
  rm -r "$SITE" "$wheels"
  ls -l "$SITE.tar.xz"
}

# Unpacks the packages and builds the C++ kernels, unless this was done before.
install() {
  [ ! -f "$SITE.tar.xz" ] || [ -d "$SITE" ] || $PYTHON -m tarfile -e "$SITE.tar.xz" "$SITE"
  export PYTHONPATH=$PWD/src:$SITE${PYTHONPATH:+:$PYTHONPATH}
  $PYTHON -c 'import lmsi_kedro.kernels._native' 2> /dev/null || build ||
    echo "real_gpu.sh: the C++ kernels were not built, so the reference is used"
}

build() {
  cmake -S csrc -B .build/gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE="$(command -v $PYTHON)" \
    -Dpybind11_DIR="$($PYTHON -m pybind11 --cmakedir)" > "$OUT/build.log" 2>&1 &&
    cmake --build .build/gpu >> "$OUT/build.log" 2>&1 &&
    cmake --install .build/gpu --prefix src >> "$OUT/build.log"
}

# loop NAME PARAMS: runs self_improve, and prints its progress and its report.
loop() {
  local name=$1 data=$RUNS/$1 start=$SECONDS
  echo "== $name"
  $PYTHON -m kedro run --env="$ENV" --pipelines=self_improve --params="data_root=$data,$2" > "$OUT/$name.log" 2>&1 ||
    { tail -30 "$OUT/$name.log"; exit 1; }
  cp "$data/08_reporting/metrics.json" "$OUT/$name.json"
  cp "$data/08_reporting/report.html" "$OUT/$name.html"
  grep -E 'sampled ([0-9]+) of \1 chunks|Training:|Step ([0-9]+) of \2,' "$OUT/$name.log"
  $PYTHON -c 'import sys; from lmsi_kedro.commands import main; sys.exit(main(sys.argv[1:]))' report --params="data_root=$data"
  echo "$name: $((SECONDS - start)) s"
}

run() {
  ENV=${1:-gpu}
  local random=$RUNS/model layers=30 embedded= shaped=
  # A random model announces no answer, so the last number or letter is parsed.
  local read=voting.rule=trigger_or_last,voting.ties=logprob
  if [ "$ENV" = gpu ]; then
    embedded=paths.questions_per_task=150,evaluation.greedy_questions=200,evaluation.voted_questions=75
    embedded+=,paths.sampling.max_new_tokens=96,evaluation.max_new_tokens=96
    embedded+=,training.steps=250,training.learning_rate=3e-4,training.gradient_accumulation=1
    shaped=paths.questions_per_task=25,paths.m=8,paths.sampling.max_new_tokens=64,evaluation.max_new_tokens=64
    shaped+=,evaluation.greedy_questions=40,evaluation.voted_questions=16,evaluation.m=4
    shaped+=,training.steps=30,training.gradient_accumulation=2
  else
    layers=2
    embedded=training.processes=1
    shaped=training.processes=1,paths.sampling.max_new_tokens=24,evaluation.max_new_tokens=24
  fi
  mkdir -p "$OUT" "$RUNS"
  export DO_NOT_TRACK=1 HF_HUB_OFFLINE=1 KEDRO_LOGGING_CONFIG=$PWD/conf/logging.yml
  install
  $PYTHON benchmarks/random_model.py "$random" $layers
  watch_memory &
  trap "kill $! 2> /dev/null || true" EXIT  # ends watch_memory
  loop embedded "$embedded"
  loop random_smollm2 "model=$random,$read,$shaped"
  [ ! -f "$OUT/memory" ] || echo "GPU memory: at most $(sort -n "$OUT/memory" | tail -1) MiB"
}

# Records the memory of all processes on the first GPU, in MiB, once a second.
watch_memory() {
  command -v nvidia-smi > /dev/null || return 0
  while sleep 1; do nvidia-smi -i 0 --query-gpu=memory.used --format=csv,noheader,nounits; done > "$OUT/memory"
}

case ${1:-} in
  prepare) prepare ;;
  run) run "${2:-gpu}" ;;
  *) sed -n '2,10s/^#\( \|$\)//p' "$0"; exit 2 ;;
esac
