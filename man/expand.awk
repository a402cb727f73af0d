# Prints a page; a line `.\" @PROGRAM ARG...@` is replaced by what PROGRAM of `bin` prints, in lines that
# mandoc -Tlint does not call too long.
function put(line, at) {
	while (length(line) > 80 && line !~ /^\./) {
		for (at = 78; at > 0 && substr(line, at, 1) != " "; at--)
			;
		if (at == 0)
			break
		print substr(line, 1, at - 1)
		line = substr(line, at + 1)
		if (line ~ /^[.']/)
			line = "\\&" line
	}
	print line
}

/^\.\\" @.*@$/ {
	command = bin "/" substr($0, 6, length($0) - 6)
	count = 0
	while ((command | getline line) > 0) {
		put(line)
		count++
	}
	if (close(command) != 0 || count == 0) {
		print FILENAME ": " command " failed" >"/dev/stderr"
		exit 1
	}
	next
}

{
	gsub(/@PREFIX@/, prefix)
	print
}
