#!/usr/bin/env bash
# Apply a patch to a clone, or put files of it back as the commit has them, and tell what came of it.
#
#   validate_patch.sh apply   TREE COMMIT OUT   by git apply, git apply --3way, patch --fuzz, on a reset tree each time
#   validate_patch.sh restore TREE COMMIT OUT   the paths in OUT/restore, NUL-separated
#
# OUT holds `patch`, `ways` (apply 3way fuzz, or some of them), and `candidates`: one "STRIP FOLDER" a line, how the
# patch's names may be meant. The answer goes into files of OUT: way, strip, folder, proof, said, eol (line ends), raw
# (changes), diff, reference/ and patched/ (mixed files).
set -uo pipefail
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0

doing=$1 tree=$2 commit=$3 out=$4
cd -- "$tree" || exit 3

git_() {
    git --literal-pathspecs -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.autocrlf=false \
        -c core.safecrlf=false -c core.quotePath=false -c apply.whitespace=nowarn -c diff.external= "$@"
}

reset() { git_ reset --quiet --hard "$commit"; }

# One attempt; the tree is as the commit has it before, and the index has the patch's files after.
attempt() {
    local way=$1 strip=$2 folder=$3
    local place=()
    [ -n "$folder" ] && place=("--directory=$folder")
    printf '== %s -p%s %s\n' "$way" "$strip" "$folder"
    case $way in
        apply) git_ apply --index "-p$strip" "${place[@]}" "$out/patch" ;;
        3way)
            git_ apply --3way "-p$strip" "${place[@]}" "$out/patch" || return 1
            [ -z "$(git_ ls-files --unmerged)" ]
            ;;
        fuzz)
            local fuzz=(patch "-p$strip" --fuzz=3 --batch --forward --no-backup-if-mismatch --reject-file=- --directory "./$folder")
            "${fuzz[@]}" --dry-run <"$out/patch" >/dev/null || { "${fuzz[@]}" --dry-run <"$out/patch"; return 1; }
            local known
            known=$(mktemp)
            git_ ls-files --others -z | sort -z >"$known"
            "${fuzz[@]}" <"$out/patch" && git_ add --update &&
                git_ ls-files --others -z | sort -z | comm -z -13 "$known" - | xargs -0 -r git add --force --
            local done=$?
            rm -f "$known"
            return $done
            ;;
    esac
}

# What git would take back is there: the patch's changes are in the tree.
prove() {
    local strip=$1 folder=$2
    local place=()
    [ -n "$folder" ] && place=("--directory=$folder")
    git_ apply --check --reverse "-p$strip" "${place[@]}" "$out/patch" >/dev/null 2>&1
}

tell_changes() {
    git_ diff --cached --raw --no-abbrev --find-renames --no-ext-diff --no-textconv -z "$commit" >"$out/raw"
    git_ diff --cached --binary --full-index --no-color --find-renames --no-ext-diff --no-textconv \
        --src-prefix=a/ --dst-prefix=b/ "$commit" >"$out/diff"
}

# Files that hold a runner's configuration beside other things are judged by their content.
tell_mixed() {
    local name
    git_ diff --cached --name-only --no-renames -z "$commit" | while IFS= read -r -d '' name; do
        case ${name##*/} in
            pyproject.toml | setup.cfg | tox.ini | package.json) ;;
            *) continue ;;
        esac
        mkdir -p -- "$out/reference/$(dirname -- "$name")" "$out/patched/$(dirname -- "$name")"
        git_ show "$commit:$name" >"$out/reference/$name" 2>/dev/null || rm -f -- "$out/reference/$name"
        [ -f "$name" ] && [ ! -L "$name" ] && cp -- "$name" "$out/patched/$name"
    done
}

apply() {
    local way strip folder
    for way in $(<"$out/ways"); do
        while IFS=' ' read -r strip folder; do
            reset || exit 3
            attempt "$way" "$strip" "$folder" >>"$out/said" 2>&1 || continue
            printf %s "$way" >"$out/way"
            printf %s "$strip" >"$out/strip"
            printf %s "$folder" >"$out/folder"
            if prove "$strip" "$folder"; then printf reverse >"$out/proof"; fi
            tell_changes
            tell_mixed
            return 0
        done <"$out/candidates"
    done
    reset || exit 3
    while IFS=' ' read -r strip folder; do
        if prove "$strip" "$folder"; then printf already >"$out/proof"; fi
    done <"$out/candidates"
    git_ ls-files --eol -z >"$out/eol"
    return 1
}

restore() {
    local name
    while IFS= read -r -d '' name; do
        if git_ cat-file -e "$commit:$name" 2>/dev/null; then
            git_ checkout --quiet "$commit" -- "$name" || return 3
        else
            git_ rm --quiet --force --cached -- "$name" || return 3
            rm -f -- "$name"
        fi
    done <"$out/restore"
    tell_changes
}

"$doing"
