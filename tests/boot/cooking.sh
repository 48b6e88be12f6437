# Words for cooking what is booted, for the fixture and for cases that boot a tree of their own. Needs $granary.

# recipe NAME GROUND PACKAGE...: a recipe that boots, on standard output.
recipe() {
  local name=$1 ground=$2 packages
  shift 2
  packages=$(printf '"%s", ' "$@")
  printf 'extends = "%s"\ndescription = "boots"\nhostname = "%s"\npackages = [%s]\n[boot]\ninit = "/sbin/init"\n' \
    "$ground" "$name" "${packages%, }"
}

# cook FOLDER BRANCH <RECIPE: into FOLDER/os, unless this very recipe is there already.
cook() {
  local new=$1/$2.new.toml
  cat >"$new"
  if cmp -s "$new" "$1/$2.toml" && "$granary" branch "$1/os" | awk '{ print $1 }' | grep -xF "$2" >/dev/null; then
    rm "$new"
    return
  fi
  echo "cooking $2"
  "$granary" cook "$new" --repo "$1/os" --branch "$2" --no-lock >/dev/null
  mv "$new" "$1/$2.toml"
}
