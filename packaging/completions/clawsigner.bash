# Completion for clawsigner and clawsignerd in bash. What there is to complete is read from --help, so it is always that of the program at hand.

# The commands that a help text lists.
_clawsigner_commands() {
    sed -n '/^Subcommands:/,/^$/s/^  \([a-z][a-z-]*\)\( .*\)*$/\1/p' <<<"$1"
}

# The long options that it lists, also those in groups.
_clawsigner_options() {
    sed -n 's/^  \(  \)*\(-[a-z],\)*\(--[a-z][a-z-]*\)\( .*\)*$/\3/p' <<<"$1"
}

# What it says that option $2 may be; "?" when that is anything, nothing when the option takes no value.
_clawsigner_values() {
    local line
    [[ $2 =~ ^--?[a-z][a-z-]*$ ]] || return 0 # it becomes a part of sed's script
    line=$(sed -n "s/^  \(  \)*\(-[a-z],\)*$2 \([A-Z].*\)\$/\3/p" <<<"$1")
    line=${line%%  *} # without what is said about it
    case $line in
        *'{'*'}'*) line=${line#*\{} && echo "${line%%\}*}" ;;
        TEXT* | UINT* | INT*) echo '?' ;;
    esac
}

# What it says that positional number $2, from 1, may be; nothing when that is anything.
_clawsigner_positional() {
    local line
    line=$(sed -n '/^Positionals:/,/^$/s/^  \([A-Z]\)/\1/p' <<<"$1" | sed -n "$2p")
    line=${line%%  *}
    case $line in
        *'{'*'}'*) line=${line#*\{} && echo "${line%%\}*}" ;;
    esac
}

_clawsigner() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} help word choices="" option="" values i
    local -a path=() everywhere=()
    local positionals=0
    COMPREPLY=()
    help=$("$program" --help 2>/dev/null) || return 0
    [[ $help == *$'\n  --json '* ]] && everywhere=(--json)
    [[ $current == "=" ]] && current=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == "=" ]]; then
            continue
        elif [[ -n $option ]]; then
            option=""
        elif [[ $word == --* ]]; then
            values=$(_clawsigner_values "$help" "$word")
            [[ -n $values ]] && option=$word
        elif [[ $word != -* ]] && _clawsigner_commands "$help" | grep -qxF -e "$word"; then
            path+=("$word")
            help=$("$program" "${path[@]}" --help 2>/dev/null) || return 0
        elif [[ $word != -* ]]; then
            positionals=$((positionals + 1))
        fi
    done
    if [[ -n $option ]]; then
        choices=$(_clawsigner_values "$help" "$option")
        choices=${choices#\?}
    elif [[ $current == -* ]]; then
        choices="$(_clawsigner_options "$help") ${everywhere[*]}"
    else
        choices="$(_clawsigner_commands "$help") $(_clawsigner_positional "$help" $((positionals + 1)))"
    fi
    mapfile -t COMPREPLY < <(compgen -W "${choices//,/ }" -- "$current" | sort -u)
}

# Where nothing is known to fit, names of files do.
complete -o default -F _clawsigner clawsigner clawsignerd
