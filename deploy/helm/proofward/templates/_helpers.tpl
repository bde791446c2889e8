{{- define "proofward.selector" -}}
app.kubernetes.io/name: proofward
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "proofward.labels" -}}
{{ include "proofward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "proofward.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository .Values.image.tag }}
{{- end -}}
{{- end }}
