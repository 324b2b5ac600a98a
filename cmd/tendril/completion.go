package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a completion script made from the command line's model.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the long help.
func (completionCommand) Help() string {
	return `Load it in the running shell, or in the shell's start file:

    source <(tendril completion bash)
    source <(tendril completion zsh)
    tendril completion fish | source`
}

// Run prints the script.
func (c *completionCommand) Run(s *shell) error {
	switch c.Shell {
	case "fish":
		return completeFish(s.stdout, s.model)
	case "zsh":
		if _, err := io.WriteString(s.stdout, "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"); err != nil {
			return err
		}
	}
	return completeBash(s.stdout, s.model)
}

// place is a command, with what may follow it.
type place struct {
	path  string // "/account/create"; empty for the program
	node  *kong.Node
	flags []*kong.Flag // its own and those that stand anywhere
}

// places are all commands, each after its parent.
func places(model *kong.Application) []place {
	var all []place
	var visit func(path string, node *kong.Node)
	visit = func(path string, node *kong.Node) {
		p := place{path: path, node: node}
		if node != model.Node {
			p.flags = append(p.flags, node.Flags...)
		}
		p.flags = append(p.flags, model.Flags...)
		all = append(all, p)
		for _, child := range node.Children {
			if !child.Hidden {
				visit(path+"/"+child.Name, child)
			}
		}
	}
	visit("", model.Node)
	return all
}

func completeBash(out io.Writer, model *kong.Application) error {
	var paths []string
	var words, values strings.Builder
	for _, p := range places(model) {
		if p.path != "" {
			paths = append(paths, p.path)
		}
		var here []string
		for _, child := range p.node.Children {
			here = append(here, child.Name)
		}
		for _, flag := range p.flags {
			here = append(here, "--"+flag.Name)
			switch {
			case flag.IsBool():
			case flag.Enum != "":
				fmt.Fprintf(&values, "    %s:--%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", p.path, flag.Name, strings.ReplaceAll(flag.Enum, ",", " "))
			default:
				fmt.Fprintf(&values, "    %s:--%s) return ;;\n", p.path, flag.Name)
			}
		}
		for _, argument := range p.node.Positional {
			if argument.Enum != "" {
				here = append(here, strings.Split(argument.Enum, ",")...)
			}
		}
		fmt.Fprintf(&words, "    '%s') words='%s' ;;\n", p.path, strings.Join(here, " "))
	}
	// Where nothing is offered, as for a flag's value, bash offers files.
	_, err := fmt.Fprintf(out, `_tendril() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" path='' word words
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in
    %s) path="$path/$word" ;;
    esac
  done
  COMPREPLY=()
  case "$path:$prev" in
%s  esac
  case "$path" in
%s  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _tendril tendril
`, strings.Join(paths, "|"), values.String(), words.String())
	return err
}

func completeFish(out io.Writer, model *kong.Application) error {
	var paths []string
	var lines strings.Builder
	for _, p := range places(model) {
		if p.path != "" {
			paths = append(paths, p.path)
		}
		for _, child := range p.node.Children {
			fmt.Fprintf(&lines, "complete -c tendril -n '__tendril_at \"%s\"' -a %s -d %s\n", p.path, child.Name, quoteFish(child.Help))
		}
		for _, argument := range p.node.Positional {
			if argument.Enum != "" {
				fmt.Fprintf(&lines, "complete -c tendril -n '__tendril_at \"%s\"' -a '%s'\n", p.path, strings.ReplaceAll(argument.Enum, ",", " "))
			}
		}
		for _, flag := range p.flags {
			takes := " -r"
			switch {
			case flag.IsBool():
				takes = ""
			case flag.Enum != "":
				takes = " -x -a '" + strings.ReplaceAll(flag.Enum, ",", " ") + "'"
			}
			fmt.Fprintf(&lines, "complete -c tendril -n '__tendril_at \"%s\"' -l %s%s -d %s\n", p.path, flag.Name, takes, quoteFish(flag.Help))
		}
	}
	_, err := fmt.Fprintf(out, `function __tendril_at
    set -l path ''
    for word in (commandline -opc)[2..]
        if contains -- "$path/$word" %s
            set path "$path/$word"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c tendril -f
%s`, strings.Join(paths, " "), lines.String())
	return err
}

func quoteFish(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
