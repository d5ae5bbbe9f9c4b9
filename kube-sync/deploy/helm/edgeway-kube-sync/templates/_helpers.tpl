{{/* What names the agent's objects. */}}
{{- define "edgeway.name" -}}
{{- if eq .Release.Name "kube-sync" -}}kube-sync{{- else -}}{{ printf "%s-kube-sync" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{/* Of objects without a namespace: two releases may be in one cluster. */}}
{{- define "edgeway.clusterName" -}}
{{- if eq .Release.Name "kube-sync" -}}edgeway-kube-sync{{- else -}}{{ printf "%s-%s" .Release.Namespace (include "edgeway.name" .) | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "edgeway.selectorLabels" -}}
app.kubernetes.io/name: kube-sync
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: edgeway
{{- end }}

{{- define "edgeway.labels" -}}
{{ include "edgeway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
