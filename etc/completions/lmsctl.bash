# bash completion of lmsctl: the candidates come from lmsctl itself, identities from lmsd.
_lmsctl()
{
	local line=${COMP_LINE:0:COMP_POINT} word cut
	local -a words

	read -ra words <<< "$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	word=${words[-1]}
	mapfile -t COMPREPLY < <(lmsctl __complete "${words[@]:1}" 2>/dev/null)
	# readline replaces only what follows the last '=' or ':'.
	cut=${word%"${word##*[=:]}"}
	COMPREPLY=("${COMPREPLY[@]#"$cut"}")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}
complete -F _lmsctl lmsctl
